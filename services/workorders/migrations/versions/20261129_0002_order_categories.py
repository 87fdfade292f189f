"""Categories of orders are data: a code, names in both languages, and the words by which people call the same (G1, G2).

What orders were filed under so far becomes a code where it is one by some spelling or name, and stays readable where it
is none. A category that a group added is kept under its own name; a shipped word never takes a word away from it.

Revision ID: workorders_0002
"""

import unicodedata
from typing import NamedTuple

import sqlalchemy as sa
from alembic import op

revision = "workorders_0002"
down_revision = "workorders_0001"
branch_labels = None
depends_on = None

# code | zh | en | skill | an open order holds dunning (D3), emergency (30 min / 4 h); other words, _ for a space
SHIPPED = """
lift_entrapment | 电梯困人 | Lift entrapment | lift | holds emergency
  电梯被困 困梯 电梯关人 被困电梯 电梯救援 被困 elevator_entrapment trapped_in_lift trapped_in_elevator
  trapped stuck_in_lift stuck_in_elevator lift_trapped elevator_trapped people_trapped person_trapped
  entrapment trapped_in_the_lift stuck_in_the_lift lift_rescue
water_burst | 水管爆裂 | Burst water pipe | plumbing | holds emergency
  爆管 爆水管 跑水 水管爆 管道爆裂 淹水 水浸 水淹 burst burst_pipe pipe_burst water_pipe_burst flood flooding
  water_main_burst burst_water_main burst_main
fire | 火警 | Fire | fire | holds emergency
  火灾 着火 起火 失火 冒烟 烟雾 消防报警 火情 smoke fire_alarm on_fire blaze fire_emergency
gas_leak | 燃气泄漏 | Gas leak | gas | holds emergency
  煤气泄漏 天然气泄漏 漏气 煤气漏 燃气漏 燃气味 煤气味 gas_leakage gas_smell smell_of_gas gas_escape
electric_shock | 触电漏电 | Electric shock | electrical | holds emergency
  触电 漏电 electrocution current_leakage electric_leakage live_wire
emergency_repair | 紧急抢修 | Emergency repair |  | holds emergency
  抢修 急修 紧急 紧急维修 emergency urgent
plumbing | 给排水 | Plumbing | plumbing | holds
  管道 水管 水暖 水龙头 龙头 阀门 洁具 卫浴 plumber pipe pipes water_pipe tap faucet valve bathroom
water | 供水 | Water supply | plumbing | holds
  水 停水 用水 水压 水质 no_water water_pressure water
drainage | 下水 | Drainage | plumbing | holds
  下水道 排水 堵塞 疏通 管道堵塞 下水道堵塞 马桶 马桶堵塞 化粪池 污水 drain drains blocked_drain blockage
  sewer sewage toilet clog clogged
leak | 渗漏 | Leak | plumbing | holds
  漏水 渗水 屋面漏水 滴漏 防水 leakage water_leak water_leakage leaking leaks roof_leak dripping seepage
  waterproofing
electrical | 电气 | Electrical | electrical | holds
  电 电工 电路 强电 线路 插座 开关 跳闸 配电 electric electricity electrician electrics socket switch wiring
  circuit tripping
power | 供电 | Power supply | electrical | holds
  停电 断电 没电 power_outage outage blackout no_power power_cut power_failure
lighting | 照明 | Lighting | electrical | holds
  灯 灯具 路灯 灯泡 楼道灯 灯不亮 light lights lamp lamps street_light streetlight bulb corridor_light
lift | 电梯 | Lift | lift | holds
  电梯故障 电梯维修 升降机 扶梯 lifts elevator elevators escalator lift_fault lift_repair lift_failure
  lift_breakdown elevator_fault elevator_repair elevator_failure lift_out_of_order
fire_equipment | 消防设施 | Fire equipment | fire | holds
  消防 灭火器 消防栓 喷淋 烟感 消防通道 fire_extinguisher extinguisher hydrant fire_hydrant sprinkler
  fire_safety fire_fighting firefighting smoke_detector fire_exit
hvac | 空调通风 | Air conditioning and ventilation | hvac | holds
  空调 通风 新风 中央空调 air_conditioning air_conditioner aircon ac a/c ventilation cooling
heating | 供暖 | Heating | hvac | holds
  暖气 供热 地暖 采暖 heat heater radiator boiler no_heating
gas | 燃气 | Gas supply | gas | holds
  煤气 天然气 gas natural_gas
door | 门窗 | Doors and windows | carpentry | holds
  门 窗 窗户 玻璃 入户门 单元门 防火门 锁 门锁 开锁 锁具 doors window windows glass lock locks locksmith
  door_lock windows_and_doors
access | 门禁 | Access control | access | holds
  门禁系统 门禁卡 道闸 对讲 可视对讲 门铃 access_card intercom entry entrance barrier gate doorbell key_card
civil | 土建 | Civil works | civil | holds
  墙 墙面 外墙 地面 屋面 屋顶 天花 天花板 瓷砖 地砖 油漆 粉刷 道路 路面 wall walls floor ceiling roof tile
  tiles masonry building structure structural facade exterior_wall paint painting road pavement
carpentry | 木工 | Carpentry | carpentry | holds
  家具 柜子 木门 furniture woodwork carpenter cabinet
appliance | 家电 | Appliances | electrical | holds
  电器 家电维修 热水器 洗衣机 冰箱 appliances household_appliance water_heater washing_machine fridge
repair | 维修 | Repair |  | holds
  报修 修理 维护 保养 综合维修 一般维修 水电维修 水电 maintenance repairs fix general_repair general handyman
  breakdown broken damage
public_area | 公共区域 | Public area |  | holds
  公共设施 公区 公共部位 公共维修 楼道 大堂 楼梯 健身设施 游乐设施 泳池 public public_areas common_area
  common_areas public_facilities facility facilities corridor lobby stairs staircase stairwell playground pool
  swimming_pool gym
cleaning | 保洁 | Cleaning | cleaning | holds
  清洁 卫生 打扫 清扫 环境 环境卫生 clean hygiene sanitation housekeeping environment dirt dirty
garbage | 垃圾 | Garbage | cleaning | holds
  垃圾清运 垃圾分类 装修垃圾 大件垃圾 rubbish trash waste refuse garbage_collection bulky_waste litter
pest_control | 消杀 | Pest control | cleaning | holds
  灭鼠 灭蟑 灭蚊 白蚁 老鼠 蟑螂 蚊虫 虫害 pest pests rats mice termites insects cockroach cockroaches
greening | 绿化 | Greening | greening | holds
  园林 树木 树 草坪 修剪 花草 green greenery landscaping landscape garden gardening gardener tree trees lawn
  plants
security | 安保 | Security | security | holds
  保安 安全 治安 巡逻 安防 秩序 秩序维护 盗窃 失窃 guard guards safety patrol public_order theft burglary
cctv | 监控 | CCTV | security | holds
  摄像头 监控摄像头 视频监控 camera cameras surveillance video_surveillance monitoring
parking | 停车 | Parking | security | holds
  车位 停车场 车辆 乱停车 车库 地库 停车位 park car_park carpark parking_lot parking_space vehicle vehicles
  garage car cars
charging_pile | 充电桩 | EV charging | electrical | holds
  充电 电动车充电 电动车 ev_charger charger charging charging_station charging_point
noise | 噪音 | Noise | security | holds
  噪声 扰民 吵闹 noisy noise_complaint disturbance
pets | 宠物 | Pets | security | holds
  犬只 养狗 狗 遛狗 pet dog dogs cat animal animals
network | 弱电网络 | Network and telephone | electrical | holds
  弱电 网络 宽带 电话 有线电视 internet broadband wifi telephone phone tv television cable telecom
renovation | 装修 | Renovation |  | holds
  装修管理 违建 违章搭建 违规装修 decoration fit_out fitout refurbishment construction remodelling
delivery | 快递信报 | Mail and parcels |  | holds
  快递 包裹 信报箱 信箱 parcel parcels mail mailbox package courier
service | 服务 | Service |  | holds
  物业服务 服务态度 服务质量 客服 投诉 service_quality attitude staff complaint customer_service
  property_service
other | 其他 | Other |  | holds
  其它 杂项 未分类 综合 others misc miscellaneous else unknown uncategorised uncategorized various
inquiry | 咨询 | Inquiry |  |
  问询 查询 费用 缴费 收费 账单 物业费 建议 enquiry question questions consultation consulting information
  info query fee fees bill billing suggestion
chargeable | 有偿服务 | Chargeable service |  |
  特约服务 上门服务 入户维修 增值服务 代办 搬家 paid_service value_added home_service household_service moving
"""
MERGED = {"elevator": "lift", "maintenance": "repair"}  # two words for one thing


class Category(NamedTuple):
    """A row as it is shipped."""

    code: str
    zh: str
    en: str
    skill: str | None
    holds: bool
    emergency: bool
    words: list[str]


def shipped() -> list[Category]:
    """The rows of the text above."""
    categories: list[Category] = []
    for line in SHIPPED.strip().splitlines():
        if line.startswith(" "):
            categories[-1].words.extend(word.replace("_", " ") for word in line.split())
        else:
            code, zh, en, skill, flags = (part.strip() for part in line.split("|"))
            categories.append(Category(code, zh, en, skill or None, "holds" in flags, "emergency" in flags, []))
    return categories


def key(word: str) -> str:
    """As the service compared words when this was written: case, spaces, hyphens, width do not matter."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", word).casefold() if letter.isalnum())


def upgrade() -> None:
    op.add_column("order_category", sa.Column("zh", sa.Text, nullable=False, server_default=""))
    op.add_column("order_category", sa.Column("en", sa.Text, nullable=False, server_default=""))
    op.add_column(
        "order_category", sa.Column("synonyms", sa.ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'"))
    )
    op.add_column("order_category", sa.Column("emergency", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("order_category", sa.Column("position", sa.Integer, nullable=False, server_default="1000"))
    op.add_column("order_category", sa.Column("retired", sa.Boolean, nullable=False, server_default=sa.false()))
    _ship()
    _rename("work_order", _codes())
    _rename_policies(_codes())


def _ship() -> None:
    connection = op.get_bind()
    op.execute("UPDATE order_category SET zh = code, en = code")
    categories = shipped()
    standing = set(connection.execute(sa.text("SELECT code FROM order_category")).scalars())
    taken = {key(code) for code in standing - {category.code for category in categories} - MERGED.keys()}
    for position, category in enumerate(categories, 1):
        own = taken | {key(word) for word in (category.code, category.zh, category.en)}
        synonyms = {key(word): word for word in category.words if key(word) not in own}
        row = category._asdict() | {"synonyms": list(synonyms.values()), "position": position}
        connection.execute(UPSERT, row)
    connection.execute(sa.text("DELETE FROM order_category WHERE code = ANY (:codes)"), {"codes": list(MERGED)})


# What a group says of a skill and of dunning stays said.
UPSERT = sa.text("""
INSERT INTO order_category (code, zh, en, skill, holds_dunning, emergency, synonyms, position)
VALUES (:code, :zh, :en, :skill, :holds, :emergency, :synonyms, :position)
ON CONFLICT (code) DO UPDATE SET zh = excluded.zh, en = excluded.en, emergency = excluded.emergency,
  synonyms = excluded.synonyms, position = excluded.position
""")


def _codes() -> dict[str, str]:
    """Every word there is, by its key."""
    rows = op.get_bind().execute(sa.text("SELECT code, zh, en, synonyms FROM order_category ORDER BY position DESC"))
    return {key(word): row.code for row in rows for word in (*row.synonyms, row.en, row.zh, row.code)}


def _rename(table: str, codes: dict[str, str]) -> None:
    connection = op.get_bind()
    words = list(connection.execute(sa.text(f"SELECT DISTINCT category FROM {table}")).scalars())
    for word in words:
        code = codes.get(key(word))
        if code is not None and code != word:
            statement = sa.text(f"UPDATE {table} SET category = :code WHERE category = :word")
            connection.execute(statement, {"code": code, "word": word})


def _rename_policies(codes: dict[str, str]) -> None:
    """A limit that was set for a spelling is one for the category, unless that has one."""
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT estate, category, priority FROM sla_policy WHERE category <> '*'")).all()
    standing = {tuple(row) for row in rows}
    for estate, category, priority in rows:
        code = codes.get(key(category), category)
        if code != category and (estate, code, priority) not in standing:
            standing.add((estate, code, priority))
            where = {"estate": estate, "category": category, "priority": priority, "code": code}
            connection.execute(MOVE_POLICY, where)


MOVE_POLICY = sa.text("""
UPDATE sla_policy SET category = :code WHERE estate = :estate AND category = :category AND priority = :priority
""")


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
