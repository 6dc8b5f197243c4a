@console
Feature: The map shows data as it travels
  Whoever opens the console sees where each record goes. Nothing is missed, and nothing is told by colour alone.

  Scenario: A story is watched to its end
    Given the map is open
    When the story of a demo user is played
    Then data is seen travelling
    And every step of the story is listed with a tick
    And each record of the demo user is listed once, among them of the topics
      | users                                          |
      | mongoserver1.activate_user_reg_db.active_users |
      | login_db.users                                 |
      | rpwd_db.users                                  |
    And the map says READY
